export const Mark = ({ size = 20 }: { size?: number }) => (
  <svg className="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="8" className="mark-ground" />
    <path d="M8 20.5a8 8 0 0 1 16 0M6.5 23.500h19M16 12.500V10m-2 0h4" fill="none" className="mark-line" strokeWidth="2.400" strokeLinecap="round" />
  </svg>
);
