// What stands on the page, in order. A section that can't be is taken out; the end of the page says so.

watchTheme();
drawHead();
if (data.curves) drawCurves();
else remove("curves");
if (hasImages) drawTemplates();
else remove("templates");
if (hasImages && stored.bytes) drawPad();
else remove("pad");
drawConfusion();
if (hasImages) drawWorst();
else remove("worst");
if (data.reliability.length > 0) drawReliability();
else remove("trust");
drawNav();

// For those who look with the console open, and for the test of this page.
window.mnist = { data, images, classes, logits, probabilities, explain, prepared, unprepared };
