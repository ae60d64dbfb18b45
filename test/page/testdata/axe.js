// Returns what axe-core has found: violations, what it could not decide, and how many elements it has judged the contrast of.
axe.run(document, {rules: {"target-size": {enabled: true}}}).then((results) => {
  const texts = (found) => found.flatMap((rule) => rule.nodes.map((node) =>
    `${rule.id} (${rule.impact}): ${node.target.join(" ")}: ${[...node.any, ...node.all, ...node.none].map((check) => check.message).join("; ")}`));
  const contrast = results.passes.find((rule) => rule.id === "color-contrast");
  return {violations: texts(results.violations), undecided: texts(results.incomplete), contrast: contrast ? contrast.nodes.length : 0};
})
