package web

import (
	"os/exec"
	"strings"
	"testing"
)

// around is what the script needs of a browser, with a clock that the test advances. Each response takes delay ms;
// requests and shown count requests and pages.
const around = `
let clock = 0, tick, requests = 0, shown = 0, delay = 0, pending = [];
const element = () => ({ addEventListener() {}, checked: true, parentElement: {}, textContent: "" });
const elements = {}, byID = (id) => elements[id] ||= Object.assign(element(), { form: element() });
Date.now = () => clock;
globalThis.document = {
  getElementById: byID, addEventListener() {}, querySelectorAll: () => [], hidden: false,
  activeElement: { closest: () => null, parentElement: {} }, querySelector: () => ({ replaceWith() { shown++; } }),
};
globalThis.DOMParser = class {
  parseFromString(text) { return { querySelector: () => text && { ownerDocument: { getElementById: () => element() } } }; }
};
Object.assign(globalThis, {
  addEventListener() {}, location: { href: "", search: "" }, localStorage: { getItem() {} }, scrollTo() {}, scrollX: 0, scrollY: 0,
  getSelection: () => ({ isCollapsed: true }), setInterval: (f) => { tick = f; },
  fetch: () => new Promise((done) => { requests++; pending.push({ at: clock + delay, done }); }),
});
const advance = async (seconds) => {
  for (let end = clock + 1000 * seconds; clock < end;) {
    clock += 1000;
    for (const one of pending.filter((one) => one.at <= clock)) one.done({ text: async () => "page" });
    pending = pending.filter((one) => one.at > clock);
    await new Promise(setImmediate);
    tick();
  }
};
`

// Responses that take several ticks of the script's timer are shown, one after the other: after 5 s each, the next is due 130 s later.
func TestScriptShowsSlowResponses(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node.js is missing (Debian package: nodejs)")
	}
	const run = `
(async () => {
  await advance(35); // the first refresh is after 30 s
  delay = 5000;
  await advance(600);
  console.log(requests, shown);
})();`
	out, err := exec.CommandContext(t.Context(), node, "-e", around+pageJS+run).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "6 6" {
		t.Errorf("requests and pages shown: %s, want 6 6 (%v)", got, err)
	}
}
