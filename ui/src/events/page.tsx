// The page Events.

export function EventsPage() {
  return <h1 class="page-head">Events</h1>;
}
