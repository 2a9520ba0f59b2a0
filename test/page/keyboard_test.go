package page

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

const day = 24 * time.Hour

func TestTheKeyboardReachesAllLinksInTheirOrder(t *testing.T) {
	b := open(t, busy(t).url(), desktop)
	require.Equal(t, 0, eval[int](b, `document.querySelectorAll('[tabindex], button, input, select').length`))
	for _, want := range []string{"Keys", "Due", "Requests", "Refusals", "Health", "stop"} {
		run(b, chromedp.KeyEvent(kb.Tab))
		require.Equal(t, want, eval[string](b, `document.activeElement.innerText`))
		require.Equal(t, "solid 2px", eval[string](b, `(s => s.outlineStyle + ' ' + s.outlineWidth)
			(getComputedStyle(document.activeElement))`), "the focus of %s is seen", want)
		require.Equal(t, "none", eval[string](b, `getComputedStyle(document.querySelector('a:not(:focus)')).outlineStyle`))
	}
	run(b, chromedp.KeyEvent(kb.Tab))
	require.Equal(t, "BODY", eval[string](b, `document.activeElement.tagName`), "nothing comes after the last link")
}

func TestTheKeyboardLeadsToASectionAndStopsTheRefresh(t *testing.T) {
	b := open(t, busy(t).url(), screen{width: 1280, height: 500, calm: true})
	for _, key := range []string{kb.Tab, kb.Tab, kb.Enter} {
		run(b, chromedp.KeyEvent(key))
	}
	run(b, chromedp.Poll[bool](`scrollY > 0 && location.hash == '#due'`))
	refreshes := `document.querySelectorAll('meta[http-equiv=refresh]').length`
	require.Equal(t, 1, eval[int](b, refreshes))
	run(b, chromedp.Evaluate[chromedp.Void](`document.querySelector('a[href="?refresh=off"]').focus()`))
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.KeyEvent(kb.Enter))
	require.NoError(t, err)
	require.Equal(t, "?refresh=off", eval[string](b, `location.search`))
	require.Equal(t, 0, eval[int](b, refreshes))
}
