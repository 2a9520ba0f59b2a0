package page

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// rowsOf is the content of the table whose caption begins with caption, row by row and without its head.
func rowsOf(b *tab, caption string) [][]string {
	b.t.Helper()
	return eval[[][]string](b, `[...document.querySelectorAll('table')]
		.filter(t => t.caption.innerText.startsWith(`+"`"+caption+"`"+`))
		.flatMap(t => [...t.rows].slice(1).map(r => [...r.cells].map(c => c.textContent.trim())))`)
}

func TestThePageShowsWhatOperatorsLookFor(t *testing.T) {
	s := busy(t)
	b := open(t, s.url(), desktop)
	require.Equal(t, "ok · KMS service", run(b, chromedp.Title()))
	require.Equal(t, "OK Requests are served.", eval[string](b, `document.querySelector('.state').innerText`))
	first, second := accounts[0], accounts[1]
	require.Equal(t, [][]string{
		{first, here, "1", "3", "0", "0", "1"},
		{second, here, "3", "0", "1", "0", "0"},
		{first, there, "3", "0", "0", "0", "0"},
		{second, there, "0", "0", "0", "3", "0"},
		{"All", "", "7", "3", "1", "3", "1"},
	}, rowsOf(b, "By account"))
	losses := rowsOf(b, "The next deletions")
	require.Len(t, losses, 4)
	kinds := map[string]int{}
	for _, row := range losses {
		require.Regexp(t, `^in (6 days 23 h|7 days|7 days 23 h|8 days|29 days|30 days)$`, row[0])
		require.Regexp(t, `^\d{4}-\d\d-\d\d \d\d:\d\d UTC$`, row[1])
		kinds[row[2]]++
		if row[2] == "secret deleted" {
			require.Equal(t, "not shown", row[3])
		}
	}
	require.Equal(t, map[string]int{"secret deleted": 1, "key deleted": 3}, kinds)
	require.Len(t, rowsOf(b, "The next automatic rotations"), 3)
	require.Contains(t, rowsOf(b, "Requests since the start"), []string{"list tags", "2", "12", rowOf(b, "list tags")})
	nearest := rowsOf(b, "Average of the last minute")
	require.Equal(t, "list tags", nearest[0][1])
	require.Contains(t, rowsOf(b, "Requests refused since the start"), []string{"SignatureNonceUsed", "1"})
	require.Contains(t, rowsOf(b, "Requests refused because"), []string{"used", "1"})
	certificates := rowsOf(b, "Those that expire first")
	require.Len(t, certificates, 2)
	for _, row := range certificates {
		require.Regexp(t, `^of gateway (shared|kst-.*)$`, row[0])
	}
	text := eval[string](b, `document.body.innerText`)
	require.Contains(t, text, "v0.2.0")
	require.NotContains(t, text, "hidden")
	b.requireQuiet(s.url())
}

// rowOf is the row of a class in the table of throttled requests.
func rowOf(b *tab, class string) string {
	b.t.Helper()
	for _, row := range rowsOf(b, "Requests since the start") {
		if row[0] == class {
			return row[3]
		}
	}
	return ""
}

// requireQuiet requires that the page has requested nothing but itself, and that the browser has not complained.
func (b *tab) requireQuiet(url string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var others []string
	for _, asked := range b.requests {
		if asked != url && !strings.HasPrefix(asked, "data:") {
			others = append(others, asked)
		}
	}
	require.NotEmpty(b.t, b.requests)
	require.Empty(b.t, others, "what the page has asked for")
	require.Empty(b.t, b.complaints, "the browser's console")
}

func TestThePageCanBeReadByPrograms(t *testing.T) {
	b := open(t, busy(t).url(), desktop)
	require.Equal(t, "en", eval[string](b, `document.documentElement.lang`))
	require.Equal(t, 1, eval[int](b, `document.querySelectorAll('h1').length`))
	levels := eval[[]int](b, `[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])`)
	for i := 1; i < len(levels); i++ {
		require.LessOrEqual(t, levels[i], levels[i-1]+1, "no level of headings is left out")
	}
	for what, broken := range map[string]string{
		"a table without a caption": `[...document.querySelectorAll('table')].filter(t => !t.caption?.innerText.trim())`,
		"a head without a scope":    `[...document.querySelectorAll('th:not([scope=row]):not([scope=col])')]`,
		"a row without a head": `[...document.querySelectorAll('tbody tr, tfoot tr')]
			.filter(r => !r.querySelector('th[scope=row]'))`,
		"a column without a head": `[...document.querySelectorAll('table')]
			.filter(t => [...t.rows].some(r => [...r.cells].reduce((n, c) => n + c.colSpan, 0) != t.rows[0].cells.length))`,
		"an id that is there twice": `[...document.querySelectorAll('[id]')]
			.filter(e => document.querySelectorAll('#' + e.id).length > 1)`,
		"a reference to nothing": `[...document.querySelectorAll('[aria-labelledby]')]
			.filter(e => !document.getElementById(e.getAttribute('aria-labelledby')))`,
		"a link to nothing": `[...document.querySelectorAll('a[href^="#"]')]
			.filter(e => !document.getElementById(e.getAttribute('href').slice(1)))`,
		"a link without a name":        `[...document.querySelectorAll('a')].filter(e => !e.innerText.trim())`,
		"a picture that is read out":   `[...document.querySelectorAll('svg:not([aria-hidden=true]), img')]`,
		"a time that is none":          `[...document.querySelectorAll('time')].filter(e => isNaN(Date.parse(e.dateTime)))`,
		"what is outside of landmarks": `[...document.body.children].filter(e => !['HEADER', 'MAIN'].includes(e.tagName))`,
		"something that is wrong in a list": `[...document.querySelectorAll('dl')]
			.filter(l => [...l.children].some(d => d.tagName != 'DIV' || !d.querySelector('dt') || !d.querySelector('dd')))`,
	} {
		require.Empty(t, eval[[]string](b, broken+`.map(e => e.outerHTML.slice(0, 200))`), what)
	}
}
