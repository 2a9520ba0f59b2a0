package kmsprovider

import "sync"

// A board is what Status shows. The check and Encrypt write to it, at the same time and in any order.
type board struct {
	mu sync.Mutex
	// keyID is the key id that encrypts now, as far as is known. It is empty before the first answer.
	keyID string
	// former has the earlier values of keyID.
	former map[string]bool
	// problem says why the last check failed, or that there was none yet. It is empty after a check that succeeded.
	problem string
	// now counts questions and answers, and confirmed is its value when an answer last named keyID.
	now, confirmed uint64
}

const noCheckYet = "the key has not been checked yet"

func newBoard() *board { return &board{former: map[string]bool{}, problem: noCheckYet} }

// ask notes that a question was asked whose answer will be a key id, and returns when.
func (b *board) ask() (asked uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now++
	return b.now
}

// answer records the answer to a question, and returns the previous keyID if that has changed. Answers overtake each
// other: one that names a former key id counts only if the question was asked after the last answer that named the
// present one. A new key id always counts.
func (b *board) answer(asked uint64, keyID string) (before string, changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now++
	if keyID != b.keyID {
		if b.former[keyID] && asked < b.confirmed {
			return "", false
		}
		if b.keyID != "" {
			b.former[b.keyID] = true
		}
		before, changed = b.keyID, true
		b.keyID = keyID
	}
	b.confirmed = b.now
	return before, changed
}

// checked records how a check ended, and reports whether the one before ended differently.
func (b *board) checked(problem string) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed = (b.problem == "") != (problem == "")
	b.problem = problem
	return changed
}

// show returns the key id, or a problem.
func (b *board) show() (keyID, problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.problem != "" {
		return "", b.problem
	}
	return b.keyID, ""
}
