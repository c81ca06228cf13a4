// Goes on to the next page when everything on this one was loaded, frames too, or did not load in five seconds.
"use strict";
const goOn = () => location.replace(document.getElementById("onward").href);
window.addEventListener("load", goOn);
setTimeout(goOn, 5000);
