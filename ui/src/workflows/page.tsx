// The page Workflows.

export function WorkflowsPage() {
  return <h1 class="page-head">Workflows</h1>;
}
