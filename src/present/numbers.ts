import { metricCatalogue } from '../contract/generated';
import { showControlCharacters } from './text';

/** Three significant digits, no exponent for everyday sizes; "NaN" and "∞" stay visible. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(1).replace('-', '−').replace('e+', 'e');
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toFixed(digits).replace('-', '−');
}

/** A share from 0 to 1, in percent. */
export function formatShare(value: number): string {
  return Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : formatNumber(value);
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 ? size : formatNumber(size)} ${units[unit] ?? ''}`;
}

/** Parameters and other large counts: "58.9 k", "1.78 M", "124 M". */
export function formatCount(count: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  let size = count;
  let unit = 0;
  while (Math.abs(size) >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return unit === 0 ? String(size) : `${formatNumber(size)} ${units[unit] ?? ''}`;
}

/** Seconds as a person says them: "8 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'unknown';
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min${s % 60 > 0 ? ` ${s % 60} s` : ''}`;
  if (s < 86400) return `${Math.floor(s / 3600)} h${Math.floor((s % 3600) / 60) > 0 ? ` ${Math.floor((s % 3600) / 60)} min` : ''}`;
  return `${Math.floor(s / 86400)} d${Math.floor((s % 86400) / 3600) > 0 ? ` ${Math.floor((s % 86400) / 3600)} h` : ''}`;
}

/** A metric's value with its unit, as the catalogue defines it. */
export function formatMetric(name: string, value: number): string {
  switch (metricCatalogue[name]?.unit) {
    case '%':
      return formatShare(value);
    case 's':
      return value < 10 ? `${formatNumber(value)} s` : formatDuration(value);
    case 'bytes':
      return formatBytes(value);
    default:
      return formatNumber(value);
  }
}

export function metricLabel(name: string): string {
  return metricCatalogue[name]?.label ?? showControlCharacters(name.replace(/\s+/g, ' '));
}
