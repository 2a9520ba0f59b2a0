package alicloudkms

import "sync"

// maxNews bounds what is remembered of them.
const maxNews = 1000

// lastNews remembers what was told, so that the same is not told every minute.
type lastNews struct {
	mu   sync.Mutex // guards told
	told map[string]struct{}
}

func newLastNews() *lastNews { return &lastNews{told: map[string]struct{}{}} }

// isNews reports whether text was not told yet, and notes that it is now.
func (n *lastNews) isNews(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.told[text]; known {
		return false
	}
	if len(n.told) >= maxNews {
		clear(n.told)
	}
	n.told[text] = struct{}{}
	return true
}
