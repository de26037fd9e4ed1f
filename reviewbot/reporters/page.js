
"use strict";
(() => {
  const form = document.querySelector("form.filters");
  if (!form) return;
  const articles = [...document.querySelectorAll("article")];
  const checked = name => new Set([...form.querySelectorAll(`input[name=${name}]:checked`)].map(box => box.value));
  const apply = () => {
    const severities = checked("severity"), sources = checked("source");
    const category = form.elements.category.value;
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const article of articles) {
      const text = article.textContent.toLowerCase();
      const fits = severities.has(article.dataset.severity) && sources.has(article.dataset.source)
        && (!category || article.dataset.category === category) && words.every(word => text.includes(word));
      article.hidden = !fits;
      shown += fits;
    }
    for (const section of document.querySelectorAll("section"))
      section.hidden = !section.querySelector("article:not([hidden])");
    form.querySelector("output").textContent = `${shown} of ${articles.length} shown`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", event => event.preventDefault());
  form.hidden = false;
  apply();
})();
