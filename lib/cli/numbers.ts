// Numbers as rsync writes them: commas between thousands, two digits behind the point where there is a fraction; and the
// short sizes of the progress line. Called by summary.ts and progress.ts.

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
