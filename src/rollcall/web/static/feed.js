// Keeps a workspace's page going: new posts come by themselves, and the page closes when one may not read on.
"use strict";

const posts = document.getElementById("posts");
const news = document.getElementById("news");
const source = new EventSource(posts.dataset.stream);

source.addEventListener("news", async () => {
  const answer = await fetch(posts.dataset.here, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return location.reload();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("posts");
  if (fresh) posts.replaceChildren(...fresh.childNodes);
  else news.hidden = false;
});
source.addEventListener("over", () => {
  source.close();
  location.reload();
});
