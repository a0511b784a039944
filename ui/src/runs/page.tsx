// The page Runs.

export function RunsPage() {
  return <h1 class="page-head">Runs</h1>;
}
