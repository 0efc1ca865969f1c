// A table whose columns have names and nothing else; on a phone each line stands by itself.

import type { ReactNode } from 'react';
import { type Word, w } from './words/index.ts';

export const Table = ({ heads, children }: { heads: readonly Word[]; children: ReactNode }) => (
  <div className="table">
    <table>
      <thead>
        <tr>
          {heads.map((word) => (
            <th key={word} scope="col">
              {w(word)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </div>
);
