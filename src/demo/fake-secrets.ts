/**
 * Secrets that never opened anything, for the sanitizer to find. Each is put together from pieces,
 * so that no scanner of repositories takes this file for a leak.
 */
export const fakeSecrets = {
  cloudKey: ["AKIA", "3XJ7QW2MZP5RT6YB"].join(""),
  githubToken: ["ghp", "R8sVn2Lq6WxYc4Td0BfKj7Hm3PzGa1Ue5Qo9"].join("_"),
  paymentKey: ["sk", "live", "4fT9bQx2WmZr7KcV1nHs8LpD"].join("_"),
  chatToken: ["xoxb", "204857361942", "318264750913", "Vb6NcQ1zXw8RtYk3LmPd7HsJ"].join("-"),
} as const;
