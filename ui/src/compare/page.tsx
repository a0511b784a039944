// The page Compare.

export function ComparePage() {
  return <h1 class="page-head">Compare</h1>;
}
