// Lines above a page: that the connection is lost, that this browser is not known, that another version is there.
import { signedOut } from "../core/api";
import { connection, heardAt } from "../core/live";
import { clock } from "../core/words";

export function Notices() {
  if (signedOut.value) {
    return (
      <div class="line-note" role="alert">
        This browser is not let in. Run <code>motet open</code> where the server runs: it prints a link that lets it in, once.
      </div>
    );
  }
  if (connection.value === "offline") {
    return (
      <div class="line-note bad" role="alert">
        The server does not answer since {clock(heardAt.value)}. Runs go on without it. <code>motet open</code> starts it again.
      </div>
    );
  }
  return null;
}
