/** What each source of a stage gives its items. */

/**
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./recommend.js").Content} Content
 * @typedef {import("./scores.js").Scores} Scores
 */

/** @param {Scene & {recent: any[]}} scene @param {Content} content @param {string} source @param {Scores} sums */
export function fillSource(scene, content, source, sums) {
  const { release, recent, page, row, popular } = scene;
  switch (source) {
    case "item":
      return page?.table.addRow(page.number, 1, sums);
    case "session":
      return fillSession(recent, release.serving, content.reminder, sums);
    case "visitor":
      return row && fillRow(row.lists.items, row.lists.scores, sums);
    case "repurchase":
      return row && fillRow(row.lists.rebuy, row.lists.rebuyScores, sums);
    case "segment":
      return scene.segments.forEach((key) => fillList(popular?.list(`segment:${key}`), sums));
    case "popular_here":
      // Without a crowd of that country, what the visitor's learned segment likes.
      return fillList(
        popular?.list(`country:${scene.country}`) ?? popular?.list(`segment:${scene.segments[0]}`),
        sums,
      );
    case "popular":
      return fillList(popular?.list("all"), sums);
    case "recently_viewed":
      return recent.forEach(({ number }, i) => !sums.get(number) && sums.add(number, 1 / (i + 1)));
    default:
      return release.rarer?.fillSource(scene, source, sums);
  }
}

/**
 * Sum the rows of the last items, the newest weighing most; `reminder` brings back items
 * already seen, once for each time. The decay constants travel in the manifest.
 * @param {import("./history.js").Found[]} recent
 * @param {any} serving
 * @param {boolean} reminder
 * @param {Scores} sums
 */
function fillSession(recent, serving, reminder, sums) {
  const { rows, reminders } = (serving.fading ??= fadingOf(serving));
  for (let i = 0; i < recent.length; i++) {
    const { table, number } = recent[i];
    table.addRow(number, rows[i], sums);
    if (reminder) sums.add(number, reminders[i]);
  }
}

/** What each of the last items weighs, the newest first. @param {any} serving */
function fadingOf({ items, decay, reminder, reminder_scale, reminder_decay }) {
  const rows = new Float64Array(items).map((_, i) => Math.exp(-i / decay));
  const most = reminder * reminder_scale;
  const reminders = new Float64Array(items).map((_, i) => most * Math.exp(-i / reminder_decay));
  return { rows, reminders };
}

/** @param {number[]} items @param {number[]} scores theirs @param {Scores} sums */
function fillRow(items, scores, sums) {
  for (let i = 0; i < items.length; i++) sums.add(items[i], scores[i]);
}

/** @param {ArrayLike<number>|undefined} list ranked items @param {Scores} sums */
export function fillList(list, sums) {
  if (!list) return;
  for (let i = 0; i < list.length; i++) sums.add(list[i], 1 / (i + 1));
}
