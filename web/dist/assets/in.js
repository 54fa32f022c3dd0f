const token = location.hash.slice(1);
history.replaceState(null, "", "/in");
const reply = await fetch("/in", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ token }),
});
if (reply.status === 204) {
  location.replace("/");
} else {
  document.getElementById("state").textContent =
    "This link was used, or is too old. Run `kanban dashboard` for a new one.";
}
