// An image that is kept as an artifact: fetched by its hash and shown as an image whatever it says that it is.
import { useEffect, useState } from "preact/hooks";
import { at, raw } from "../core/api";

export function Picture({ digest, type, alt }: { digest: string; type: string; alt: string }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    let made = "";
    let over = false;
    void raw(at`/artifacts/${digest}`).then((answer) => answer.blob()).then((blob) => {
      if (over) return;
      made = URL.createObjectURL(new Blob([blob], { type }));
      setUrl(made);
    }, () => {});
    return () => {
      over = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [digest]);
  return url ? <img class="picture" src={url} alt={alt} /> : <span class="i3">{alt}</span>;
}
