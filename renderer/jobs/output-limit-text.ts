import type { OutputLimit } from '../../protocol/operation.ts';
import { byteSize } from '../ui/byte-size.ts';

/** A limit of output in words: `10.0 MB or 1,000 lines, then it is cut`; `none`. */
export function outputLimitText({ bytes, lines, action }: OutputLimit): string {
  const limits = [bytes > 0 ? byteSize(bytes) : '', lines > 0 ? `${lines.toLocaleString('en')} lines` : ''];
  const most = limits.filter((limit) => limit !== '').join(' or ');
  if (most === '') return 'none';
  return `${most}, then it is ${action === 'stop' ? 'stopped and fails' : 'cut'}`;
}
