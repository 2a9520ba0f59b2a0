// Package guess finds what a misspelt word was probably meant to be.
package guess

// Nearest returns the word of known that word is most likely a misspelling of, or "" if none is near enough: at most a
// third of its letters may differ. Of equally near ones it returns the first.
func Nearest(word string, known []string) string {
	best, least := "", maxLength
	for _, k := range known {
		if d := distance(word, k); d < least && d <= len(k)/3 {
			best, least = k, d
		}
	}
	return best
}

// maxLength bounds the work, in bytes: nobody misspells a longer word.
const maxLength = 64

// distance counts the letters to insert, delete, replace, or swap with their neighbour, that turn a into b (the optimal
// string alignment distance).
func distance(a, b string) int {
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
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
