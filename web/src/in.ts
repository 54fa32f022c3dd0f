// Logging in: the token comes in the URL's fragment, which no server, log or Referer sees, and goes to the daemon once.
import "./in.css";

// An icon of its own, so that the browser asks for none.
const icon = document.createElement("link");
icon.rel = "icon";
icon.href = URL.createObjectURL(new Blob(['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1d5bd6"/></svg>'], { type: "image/svg+xml" }));
document.head.append(icon);

async function enter(): Promise<void> {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  if (token === "") {
    refuse("This page needs a link with a token.");
    return;
  }
  try {
    const response = await fetch("/in", {
      method: "POST",
      credentials: "same-origin",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
    });
    if (response.ok) {
      location.replace("/");
      return;
    }
    refuse(response.status === 401 ? "This link has been used, or is too old." : `The daemon refused the link (${response.status}).`);
  } catch {
    refuse("The daemon cannot be reached.");
  }
}

function refuse(words: string): void {
  const place = document.getElementById("words");
  if (place !== null) {
    place.textContent = words;
    place.classList.add("refused");
  }
  const help = document.getElementById("help");
  if (help !== null) help.hidden = false;
}

void enter();
