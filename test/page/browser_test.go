package page

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// programs are the names of Chromium, in the order in which they are tried.
var programs = []string{"chromium-headless-shell", "chromium", "google-chrome"}

// browser is the browser that all tests share. Each test has a tab of its own.
var browser = sync.OnceValues(func() (context.Context, error) {
	var program string
	var err error
	for _, name := range programs {
		if program, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program),
		chromedp.WSURLReadTimeout(patience))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Its sandbox refuses root.
	}
	allocator, _ := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	closeBrowser = func() {
		_ = chromedp.Cancel(ctx)
		cancel()
	}
	return ctx, chromedp.Do(ctx)
})

// closeBrowser ends the browser, if a test has started it.
var closeBrowser = func() {}

func TestMain(m *testing.M) {
	status := m.Run()
	closeBrowser()
	os.Exit(status)
}

// patience is more than the browser's start takes, or any step in it, on a busy machine.
const patience = 2 * time.Minute

// screen is the screen that a page is shown on.
type screen struct {
	width, height int64
	dark, calm    bool
}

var (
	desktop = screen{width: 1280, height: 900}
	phone   = screen{width: 360, height: 740}
)

func (s screen) inTheDark() screen {
	s.dark = true
	return s
}

// tab is a tab of the browser.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu sync.Mutex
	// requests are the URLs that the page has asked for, and complaints what the browser has written to its console.
	requests, complaints []string
}

// open opens a tab at a URL.
func open(t *testing.T, url string, on screen) *tab {
	t.Helper()
	parent, err := browser()
	require.NoError(t, err, "scripts/programs.sh browser installs one")
	ctx, cancel := chromedp.NewContext(parent)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, b.note))
	scheme, motion := "light", "no-preference"
	if on.dark {
		scheme = "dark"
	}
	if on.calm {
		motion = "reduce"
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
	run(b, chromedp.EmulateViewport(on.width, on.height))
	run(b, chromedp.Navigate(url))
	return b
}

// note records an event of the browser.
func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, e.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, string(e.Type))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Text)
	}
}

// run does something in a tab.
func run[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	require.NoError(b.t, err)
	return result
}

// call sends a command of the browser's protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	require.NoError(b.t, err)
	return result
}

// eval runs an expression of JavaScript in the page. The page's policy forbids scripts in the page, but not those of
// the browser's driver.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T](expression))
}
