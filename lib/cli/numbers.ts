// Numbers as rsync writes them: commas between thousands, two digits behind the point where there is a fraction; and the
// short sizes of the progress line. Called by summary.ts, progress.ts and whoever writes lines.

/** 1234567 -> "1,234,567". */
export function withCommas(value: number): string {
  return commas(String(Math.trunc(value)));
}

/** 1234.5 -> "1,234.50". */
export function withCommasAndCents(value: number): string {
  const [whole, cents] = value.toFixed(2).split(".");
  return `${commas(whole)}.${cents}`;
}

function commas(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A number as -h says: `human` 0 digits only, 1 with commas, 2 and 3 in units of 1000 and 1024 from the first unit on. */
export function shownNumber(value: number, human: number): string {
  return inUnits(value, human) ?? (human === 0 ? String(Math.trunc(value)) : withCommas(value));
}

/** The same with two digits behind the point. */
export function shownFraction(value: number, human: number): string {
  return inUnits(value, human) ?? (human === 0 ? value.toFixed(2) : withCommasAndCents(value));
}

function inUnits(value: number, human: number): string | null {
  const unit = human === 2 ? 1000 : human > 2 ? 1024 : Infinity;
  if (!(value >= unit)) return null;
  let scaled = value / unit;
  let at = 0;
  for (; scaled >= unit && at < 4; at++) scaled /= unit;
  return `${scaled.toFixed(2)}${"KMGTP"[at]}`;
}

const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];

/** 1234567 -> "1.23 MB" (powers of 1000, three digits). */
export function shortBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** 3725 -> "1:02:05", 65 -> "1:05". */
export function clockTime(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, i) => i === 0 ? String(part) : String(part).padStart(2, "0")).join(":");
}
