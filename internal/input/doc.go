// Package input reads strings that people paste or keep in files, where they pick up line breaks, folding and blanks
// that are not part of them. Its errors end a sentence that names where the string is from, and never show the string.
package input
