// Package guess finds what a misspelt word was probably meant to be, for messages that ask "did you mean".
package guess

import "strings"

// Nearest returns the word of known that word is most likely a misspelling of, or "" if none is near enough or two are
// equally near. At most a third of its letters may differ; upper and lower case are the same. If none is near, it
// returns the only one that begins with word.
func Nearest(word string, known []string) string {
	best, least := "", maxLength
	for _, k := range known {
		switch d := Distance(word, k); {
		case d > Limit(k) || d > least || k == best:
		case d == least:
			best = ""
		default:
			best, least = k, d
		}
	}
	if least == maxLength {
		return whole(word, known)
	}
	return best
}

// whole returns the only word of known that begins with word, and "" if there are more, or word is too short to tell.
func whole(word string, known []string) (found string) {
	const enough = 3
	for _, k := range known {
		switch begins := len(k) > len(word) && strings.EqualFold(k[:len(word)], word); {
		case !begins || len(word) < enough || k == found:
		case found != "":
			return ""
		default:
			found = k
		}
	}
	return found
}

// Limit is the largest [Distance] of a misspelling of word.
func Limit(word string) int {
	const share, most = 3, 3
	return min(len(word)/share, most)
}

// Question returns `did you mean "x"?` for the guess of [Nearest], and "" if there is none.
func Question(word string, known []string) string {
	if best := Nearest(word, known); best != "" {
		return `did you mean "` + best + `"?`
	}
	return ""
}

// Among returns a sentence about a word that is not in known: a guess, if there is one, and all of known, under the
// name what, such as "fields". The sentence lacks its first capital letter and its full stop.
func Among(word, what string, known []string) string {
	list := "he " + what + " are " + strings.Join(known, ", ")
	if question := Question(word, known); question != "" {
		return question + " T" + list
	}
	return "t" + list
}

// maxLength bounds the work, in bytes: nobody misspells a longer word.
const maxLength = 64

// Distance counts the letters to insert, delete, replace, or swap with their neighbour, that turn a into b (the optimal
// string alignment distance). Upper and lower case are the same. It is 64 for words of more than 64 bytes.
func Distance(a, b string) int {
	if len(a) > maxLength || len(b) > maxLength {
		return maxLength
	}
	var before, last, row [maxLength + 1]int
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		before, last = last, row
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if lower(a[i]) != lower(b[j]) {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && lower(a[i]) == lower(b[j-1]) && lower(a[i-1]) == lower(b[j]) {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

func lower(letter byte) byte {
	if 'A' <= letter && letter <= 'Z' {
		return letter + 'a' - 'A'
	}
	return letter
}
