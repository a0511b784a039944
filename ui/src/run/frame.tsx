// The page of one run.

export function RunPage({ run }: { run: string; view?: string }) {
  return <h1 class="page-head">{run}</h1>;
}
