// Sends the form of a page that is nothing but a form.
"use strict";
document.getElementById("send")?.submit();
