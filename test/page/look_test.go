package page

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// contrasts are the words of a page whose contrast with their background is below a bound, each with its contrast.
const contrasts = `(bound => {
	const channels = color => {
		const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
		return {rgb: [r, g, b], a};
	};
	const luminance = rgb => rgb
		.map(c => c / 255)
		.map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
		.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = e => {
		for (; e; e = e.parentElement) {
			const {rgb, a} = channels(getComputedStyle(e).backgroundColor);
			if (a == 1) return rgb;
			if (a > 0) throw new Error('a ground that shines through');
		}
		return [255, 255, 255];
	};
	const ratio = (a, b) => {
		const [x, y] = [luminance(a), luminance(b)].sort((x, y) => y - x);
		return (x + 0.05) / (y + 0.05);
	};
	const low = new Set();
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	let parts = 0;
	while (walker.nextNode()) {
		const text = walker.currentNode.data.trim(), e = walker.currentNode.parentElement;
		if (!text) continue;
		parts++;
		for (const pseudo of [null, '::before']) {
			const {rgb, a} = channels(getComputedStyle(e, pseudo).color);
			const found = ratio(rgb, behind(e));
			if (a < 1 || !(found >= bound)) low.add(found.toFixed(2) + ': ' + text.slice(0, 40));
		}
	}
	if (parts < 50) throw new Error('there are only ' + parts + ' nodes');
	return [...low];
})(%v)`

// degraded is a service with something wrong.
func degraded(t *testing.T) *service {
	t.Helper()
	s := busy(t)
	require.Error(t, s.Reload(func(c *server.Config) { c.RateLimits = &server.RateLimits{Read: -2} }))
	s.Advance(358 * day)
	return s
}

func TestTextCanBeReadInBothModes(t *testing.T) {
	for name, s := range map[string]*service{"ok": busy(t), "degraded": degraded(t)} {
		grounds := map[string]bool{}
		for _, on := range []screen{desktop, desktop.inTheDark(), phone, phone.inTheDark()} {
			b := open(t, s.url(), on)
			require.Empty(t, eval[[]string](b, fmt.Sprintf(contrasts, 4.5)), "%s %+v", name, on)
			require.NotEmpty(t, eval[[]string](b, fmt.Sprintf(contrasts, 20.9)), "the measure finds something")
			grounds[eval[string](b, `getComputedStyle(document.body).backgroundColor`)] = true
		}
		require.Len(t, grounds, 2, "one ground for each mode")
	}
}

func TestAPhoneShowsAllWithoutScrollingSideways(t *testing.T) {
	for name, s := range map[string]*service{"ok": busy(t), "degraded": degraded(t), "hostile": hostile(t)} {
		b := open(t, s.url(), phone)
		require.Equal(t, 360, eval[int](b, `innerWidth`))
		require.LessOrEqual(t, eval[int](b, `document.scrollingElement.scrollWidth`), 360, name)
		require.Empty(t, eval[[]string](b, `[...document.querySelectorAll('body *')]
			.filter(e => !e.closest('thead') && e.getBoundingClientRect().right > 360.5)
			.map(e => e.outerHTML.slice(0, 200))`), name)
	}
}

// Some browsers do not treat a table as one if it is laid out as something else.
func TestTablesStayTablesOnAPhone(t *testing.T) {
	s := busy(t)
	roles := func(on screen) map[string]int {
		b := open(t, s.url(), on)
		tree := call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		found := map[string]int{}
		for _, node := range tree.Nodes {
			if node.Role != nil && !node.Ignored {
				found[string(node.Role.Value)]++
			}
		}
		return found
	}
	wide, narrow := roles(desktop), roles(phone)
	for _, role := range []string{`"table"`, `"rowheader"`, `"columnheader"`} {
		require.Positive(t, wide[role], role)
		require.Equal(t, wide[role], narrow[role], role)
	}
}

func TestNothingMovesForPeopleThatAskForCalm(t *testing.T) {
	s := busy(t)
	scrolling := func(on screen) string {
		return eval[string](open(t, s.url(), on), `getComputedStyle(document.documentElement).scrollBehavior`)
	}
	calm := desktop
	calm.calm = true
	require.Equal(t, "auto", scrolling(calm))
	require.Equal(t, "smooth", scrolling(desktop))
	require.Zero(t, eval[int](open(t, s.url(), calm), `document.getAnimations().length`))
}
