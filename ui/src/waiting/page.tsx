// The page Waiting.

export function WaitingPage() {
  return <h1 class="page-head">Waiting</h1>;
}
