package ops

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxName is the longest name from the store that the page shows in full, in characters.
const maxName = 48

// shown returns a name from the store in the form that the page shows: bounded, and without characters that are
// invisible or reverse the text around them.
func shown(name string) string { return visible(name, maxName) }

// visible returns s, cut to most characters, with a replacement character for each that does not print.
func visible(s string, most int) string {
	runes := []rune(strings.ToValidUTF8(s, "\uFFFD"))
	end := ""
	if len(runes) > most {
		runes, end = runes[:most-1], "…"
	}
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = '\uFFFD'
		}
	}
	return string(runes) + end
}

// words returns a name with spaces instead of underscores.
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// stateWords returns the words for a state, such as "Pending deletion".
func stateWords(state kmsapi.KeyState) string {
	if what, pending := strings.CutPrefix(string(state), "Pending"); pending {
		return "Pending " + strings.ToLower(what)
	}
	return string(state)
}

// count formats a number with commas between thousands.
func count(n float64) string {
	digits := strconv.FormatFloat(math.Abs(math.Round(n)), 'f', 0, 64)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// plural returns a number with its noun.
func plural(n float64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// percent formats a part of a whole.
func percent(part, whole float64) string {
	switch share := 100 * part / whole; {
	case part == 0 || whole == 0:
		return "0 %"
	case share < 0.1:
		return "< 0.1 %"
	case share < 10:
		return fmt.Sprintf("%.1f %%", share)
	default:
		return fmt.Sprintf("%.0f %%", share)
	}
}

// average formats a number per second.
func average(perSecond float64) string {
	switch {
	case perSecond == 0:
		return "0"
	case perSecond < 0.1:
		return "< 0.1"
	case perSecond < 100:
		return fmt.Sprintf("%.1f", perSecond)
	default:
		return count(perSecond)
	}
}

// bytesOf formats a size in bytes in a readable unit.
func bytesOf(n int64) string {
	const step = 1000
	size, unit := float64(n), 0
	units := []string{"B", "kB", "MB", "GB", "TB"}
	for size >= step && unit < len(units)-1 {
		size /= step
		unit++
	}
	if unit == 0 || size >= 100 {
		return fmt.Sprintf("%.0f %s", size, units[unit])
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}

const day = 24 * time.Hour

// span formats a duration in its largest unit, with the next smaller one where that matters.
func span(d time.Duration) string {
	days, hours := float64(d/day), float64(d%day/time.Hour)
	switch {
	case d >= 10*day || d >= day && hours == 0:
		return plural(days, "day", "days")
	case d >= day:
		return plural(days, "day", "days") + " " + count(hours) + " h"
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	default:
		return fmt.Sprintf("%d s", max(d, 0)/time.Second)
	}
}

// moment is a time in forms for people and for programs.
type moment struct {
	// Away is, for example, "in 3 days".
	Away string
	// UTC is the time in UTC for people, and Machine for programs.
	UTC, Machine string
}

// momentOf returns at as seen at now. If it is past, Away begins with passed.
func momentOf(at, now time.Time, passed string) moment {
	m := moment{
		Away: "in " + span(at.Sub(now)), UTC: at.UTC().Format("2006-01-02 15:04 UTC"), Machine: at.UTC().Format(time.RFC3339),
	}
	if !at.After(now) {
		m.Away = strings.TrimSpace(passed + " " + span(now.Sub(at)))
	}
	return m
}
