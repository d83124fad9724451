// Typesets the formulas: ASCIIMathML.js makes MathML of data-formula. Without it they stay text.
"use strict";
translateOnLoad = false;
mathcolor = "";
mathfontfamily = "";
mathfontsize = "1em";
showasciiformulaonhover = false;
for (const element of document.querySelectorAll(".formula")) {
    displaystyle = element.classList.contains("display");
    element.replaceChildren(AMparseMath(element.dataset.formula));
    // Only what stands around a fraction or a sum grows with it: around f(x + h) it is too tall.
    for (const row of element.querySelectorAll("mrow"))
        if (!row.querySelector("mfrac, munder, munderover, mtable, msqrt"))
            for (const operator of row.children)
                if (operator.localName === "mo") operator.setAttribute("stretchy", "false");
}

// What scrolls by itself can be reached, and scrolled, by keyboard.
function reach() {
    for (const element of document.querySelectorAll("pre, .wide, .formulas"))
        if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
        else element.removeAttribute("tabindex");
}
reach();
addEventListener("resize", reach);
