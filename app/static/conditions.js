// The condition language in the browser: the same truth as surveys/conditions.py, which a test holds it to.
//
// truth(tree, facts) is true, false or null, where a fact is missing or of another kind than it is compared with.
// facts: {tree: {type, properties, contact, answers}, at: a moment as ISO text, past: {type: [{occurred_at, properties}]}}.
// Whole numbers are exact up to 2 ** 53, as all numbers here are.

const DAY = 86_400_000_000; // in microseconds, as moments are kept
const UNITS = { s: DAY / 86_400, m: DAY / 1_440, h: DAY / 24, d: DAY, w: 7 * DAY };
const CALCULATIONS = ["count", "sum", "avg", "last_days"];

const negation = (known) => (known === null ? null : !known);
const isNumber = (value) => typeof value === "number";
const isText = (value) => typeof value === "string";
const isMapping = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const own = (value, key) => (isMapping(value) && Object.hasOwn(value, key) ? value[key] ?? undefined : undefined);

const conjunction = (truths) => {
  let result = true;
  for (const known of truths) {
    if (known === false) return false;
    if (known === null) result = null;
  }
  return result;
};

const composed = (value) => {
  if (isText(value)) return value.normalize("NFC");
  return Array.isArray(value) ? value.map(composed) : value;
};

// Letters without their case, as Unicode folds them: İ and ß are several letters, ı is itself, Cherokee folds upwards.
const folded = (text) =>
  Array.from(text, (letter) => {
    if (letter === "ı") return letter;
    if (letter === "ẞ") return "ss";
    const upper = letter.toUpperCase();
    return /[\u13a0-\u13fd\uab70-\uabbf]/.test(letter) ? upper : upper.toLowerCase();
  }).join("");

// By code point: JavaScript compares the halves of letters beyond U+FFFF.
const order = (one, other) => {
  if (isNumber(one)) return one - other || (one === other ? 0 : one < other ? -1 : 1);
  const [left, right] = [Array.from(one), Array.from(other)];
  for (let n = 0; n < left.length && n < right.length; n += 1) {
    const apart = left[n].codePointAt(0) - right[n].codePointAt(0);
    if (apart) return apart;
  }
  return left.length - right.length;
};

const comparable = (seen, wanted) => (isText(seen) && isText(wanted)) || (isNumber(seen) && isNumber(wanted));
const ordered = (test) => (seen, wanted) => (comparable(seen, wanted) ? test(order(seen, wanted)) : null);
const equal = (seen, wanted) => {
  if (typeof seen === "boolean" && typeof wanted === "boolean") return seen === wanted;
  return comparable(seen, wanted) ? seen === wanted : null;
};
const among = (seen, wanted) =>
  Array.isArray(wanted) ? negation(conjunction(wanted.map((one) => negation(equal(seen, one))))) : null;
const foldedBoth = (test) => (seen, wanted) =>
  isText(seen) && isText(wanted) ? test(folded(seen), folded(wanted)) : null;

const TESTS = {
  eq: equal,
  ne: (seen, wanted) => negation(equal(seen, wanted)),
  lt: ordered((apart) => apart < 0),
  lte: ordered((apart) => apart <= 0),
  gt: ordered((apart) => apart > 0),
  gte: ordered((apart) => apart >= 0),
  in: among,
  not_in: (seen, wanted) => negation(among(seen, wanted)),
  contains: (seen, wanted) => {
    if (Array.isArray(seen)) return seen.length ? among(wanted, seen) : false;
    return foldedBoth((text, part) => text.includes(part))(seen, wanted);
  },
  starts_with: foldedBoth((text, part) => text.startsWith(part)),
  ends_with: foldedBoth((text, part) => text.endsWith(part)),
  between: (seen, wanted) => {
    if (!Array.isArray(wanted) || wanted.length !== 2) return null;
    const [low, high] = wanted;
    if (!comparable(seen, low) || !comparable(seen, high)) return null;
    return order(low, seen) <= 0 && order(seen, high) <= 0;
  },
  within_days: (seen, wanted, at) => {
    const moment = momentOf(seen);
    if (moment === null || !isNumber(wanted)) return null;
    const days = (at - moment) / DAY;
    return days >= 0 && days <= wanted;
  },
};

const MOMENT =
  /^(?:(\d{4})-(\d\d)-(\d\d)|(\d{4})(\d\d)(\d\d)|(\d{4})-W(\d\d)(?:-(\d))?|(\d{4})W(\d\d)(\d)?)(?:.([\d:.,]+)(?:Z|([+-])([\d:.,]+))?)?$/su;
const CLOCK = /^(\d\d)(?:(:?)(\d\d)(?:\2(\d\d)(?:[.,](\d+))?)?)?$/;

// ISO 8601, in UTC where no zone is named, in microseconds; null where it is no moment.
const momentOf = (value) => {
  const found = isText(value) ? MOMENT.exec(value) : null;
  if (!found) return null;
  const [year, month, date, weekYear, week, weekday] = [1, 2, 3, 7, 8, 9].map((n) => found[n] ?? found[n + 3]).map(Number);
  const day = found[7] ?? found[10] ? dayOfWeek(weekYear, week, found[9] ?? found[12] ? weekday : 1) : dayOf(year, month, date);
  const [time, offset] = [found[13], found[15]].map((clock) => (clock === undefined ? 0 : timeOf(clock)));
  if (day === null || time === null || offset === null) return null;
  return day * DAY + time + (found[14] === "-" ? offset : -offset);
};

const daysBefore = (year, month, day) => new Date(0).setUTCFullYear(year, month - 1, day) / 86_400_000;

const dayOf = (year, month, day) => {
  if (year < 1 || month < 1 || month > 12 || day < 1) return null;
  const [days, end] = [daysBefore(year, month, day), daysBefore(year, month + 1, 1)];
  return days < end ? days : null;
};

// The first week of a year is the one with the 4th of January; 1970 began on a Thursday.
const monday = (year) => {
  const fourth = daysBefore(year, 1, 4);
  return fourth - ((((fourth + 3) % 7) + 7) % 7);
};

const dayOfWeek = (year, week, weekday) => {
  const days = monday(year) + 7 * (week - 1);
  return year >= 1 && week >= 1 && days < monday(year + 1) && weekday >= 1 && weekday <= 7 ? days + weekday - 1 : null;
};

const timeOf = (text) => {
  const found = CLOCK.exec(text);
  if (!found) return null;
  const [hour, minute, second] = [found[1], found[3] ?? 0, found[4] ?? 0].map(Number);
  if (hour > 23 || minute > 59 || second > 59) return null;
  return ((hour * 60 + minute) * 60 + second) * 1e6 + Number((found[5] ?? "").slice(0, 6).padEnd(6, "0"));
};

const look = (path, tree) => composed(path.split(".").reduce(own, tree));

const aggregate = (leaf, facts) => {
  const [, amount, unit] = /^(\d+)([smhdw])$/.exec(leaf.within ?? "3650d");
  const at = momentOf(facts.at);
  const like = leaf.by ? look(leaf.by, facts.tree) : undefined;
  const events = (own(facts.past, leaf.events) ?? []).filter((event) => {
    const moment = momentOf(event.occurred_at);
    if (moment > at || moment <= at - Number(amount) * UNITS[unit]) return false;
    const tree = { properties: event.properties, contact: facts.tree.contact };
    const then = { tree, at: event.occurred_at };
    if (leaf.by && equal(look(leaf.by, tree), like) !== true) return false;
    return !leaf.where || truth(leaf.where, then) === true;
  });
  const calculation = CALCULATIONS.find((name) => name in leaf);
  if (calculation === "count") return events.length;
  if (calculation === "last_days") {
    return events.length ? (at - momentOf(events.at(-1).occurred_at)) / DAY : undefined;
  }
  const numbers = events.map((event) => own(event.properties, leaf[calculation])).filter(isNumber);
  const sum = numbers.reduce((total, number) => total + number, 0);
  if (calculation === "sum") return sum;
  return numbers.length ? sum / numbers.length : undefined;
};

const operand = (leaf, facts) => ("events" in leaf ? aggregate(leaf, facts) : look(leaf.field, facts.tree));

const valueOf = (value, facts) => {
  if (!isMapping(value)) return composed(value);
  const found = operand(value, facts);
  if (!("times" in value)) return found;
  return isNumber(found) ? found * value.times : undefined;
};

export const truth = (tree, facts) => {
  if ("all" in tree) return conjunction(tree.all.map((part) => truth(part, facts)));
  if ("any" in tree) return negation(conjunction(tree.any.map((part) => negation(truth(part, facts)))));
  if ("not" in tree) return negation(truth(tree.not, facts));
  const seen = operand(tree, facts);
  if (tree.op === "exists" || tree.op === "missing") return (seen !== undefined) === (tree.op === "exists");
  if (seen === undefined) return null;
  const wanted = valueOf(tree.value, facts);
  return wanted === undefined ? null : TESTS[tree.op](seen, wanted, momentOf(facts.at));
};

export const holds = (tree, facts) => truth(tree, facts) === true;
