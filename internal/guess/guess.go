// Package guess finds the word that somebody meant who has misspelled one, for messages that ask "did you mean".
package guess

import "strings"

// maxWord bounds, in bytes, the words that are compared, since they may come from strangers and the work grows with the
// square of their length.
const maxWord = 64

// Nearest returns the one candidate that word is most likely a misspelling of, and "" if none is near or two are
// equally near, or if word is one of them.
func Nearest(word string, candidates []string) string {
	best, nearest, unique := "", Limit(word)+1, false
	for _, candidate := range candidates {
		switch d := Distance(word, candidate); {
		case candidate == word:
			return ""
		case d > nearest || candidate == best:
		case d == nearest:
			unique = false
		default:
			best, nearest, unique = candidate, d, true
		}
	}
	if !unique {
		return ""
	}
	return best
}

// Limit is the largest distance at which a word still counts as a misspelling of another: one in three of its letters,
// and no more than three.
func Limit(word string) int {
	const share, most = 3, 3
	return min((len(word)+share-1)/share, most)
}

// Question returns `did you mean "x"?` for the guess of [Nearest], and "" if there is none.
func Question(word string, candidates []string) string {
	if best := Nearest(word, candidates); best != "" {
		return `did you mean "` + best + `"?`
	}
	return ""
}

// Among returns what to say to somebody who gave a word that is none of known: a guess, if there is one, and all of
// known, which are called what, such as "fields". It is a sentence without its first capital letter and its full stop.
func Among(word, what string, known []string) string {
	list := "he " + what + " are " + strings.Join(known, ", ")
	if question := Question(word, known); question != "" {
		return question + " T" + list
	}
	return "t" + list
}

// tooFar is more than any [Limit].
const tooFar = maxWord

// Distance returns how many letters must be inserted, removed, replaced or swapped with their neighbour to make b of a,
// where upper and lower case are the same. Words of more than 64 bytes are as far apart as can be.
func Distance(a, b string) int {
	if len(a) > maxWord || len(b) > maxWord {
		return tooFar
	}
	// Three rows of the usual table: before[j] and row[j] are the distances of a's first i-2 and i-1 bytes to b's first j.
	var rows [3][maxWord + 1]int
	before, row, next := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			same := lower(a[i-1]) == lower(b[j-1])
			next[j] = min(next[j-1]+1, row[j]+1, row[j-1]+cost(same))
			if i > 1 && j > 1 && lower(a[i-1]) == lower(b[j-2]) && lower(a[i-2]) == lower(b[j-1]) {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}

func cost(same bool) int {
	if same {
		return 0
	}
	return 1
}

func lower(letter byte) byte {
	if 'A' <= letter && letter <= 'Z' {
		return letter + 'a' - 'A'
	}
	return letter
}
