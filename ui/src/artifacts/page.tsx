// The page Artifacts.

export function ArtifactsPage() {
  return <h1 class="page-head">Artifacts</h1>;
}
