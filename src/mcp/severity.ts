/** How severe a log message is: RFC 5424, least severe first, as MCP names them. */
export const severities: readonly string[] = [
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
];
