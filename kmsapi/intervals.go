package kmsapi

import (
	"math"
	"regexp"
	"strconv"
	"time"
)

// The bounds of a rotation interval in the API reference.
const (
	MinRotationInterval = 7 * 24 * time.Hour
	MaxRotationInterval = 730 * 24 * time.Hour
)

const intervalWords = "as a number and one of d, h, m and s, such as 365d"

var (
	// rotationInterval has no pattern: its value matters only if the rotation is enabled.
	rotationInterval = Rule{Name: "RotationInterval", Form: "be 7 to 730 days, " + intervalWords}
	intervalForm     = regexp.MustCompile(`^([0-9]{1,10})([dhms])$`)
)

// intervalUnits are the units of an interval, the longest first.
var intervalUnits = []struct {
	name string
	unit time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// ParseInterval reads a duration in the form of the API: a number and one of d, h, m and s, such as 365d. ok is false
// if text has another form, or is more than a [time.Duration] can hold.
func ParseInterval(text string) (interval time.Duration, ok bool) {
	parts := intervalForm.FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(parts[1], 10, 64)
	for _, u := range intervalUnits {
		if u.name == parts[2] && err == nil && n <= math.MaxInt64/int64(u.unit) {
			return time.Duration(n) * u.unit, true
		}
	}
	return 0, false
}

// FormatInterval returns the form that [ParseInterval] reads, in the longest unit that leaves no remainder: 7d, 36h.
// Fractions of a second are cut off.
func FormatInterval(interval time.Duration) string {
	for _, u := range intervalUnits {
		if interval%u.unit == 0 {
			return strconv.FormatInt(int64(interval/u.unit), 10) + u.name
		}
	}
	return FormatRotationInterval(interval)
}

// ParseRotationInterval reads a RotationInterval, such as 365d, which must be from shortest to longest; the API
// reference's bounds are [MinRotationInterval] and [MaxRotationInterval]. The error is an [*Error]: MissingParameter if
// text is empty, and InvalidParameter if it is not such an interval.
func ParseRotationInterval(text string, shortest, longest time.Duration) (time.Duration, error) {
	if text == "" {
		return 0, MissingParameter(rotationInterval.Name)
	}
	interval, ok := ParseInterval(text)
	if !ok || interval < shortest || interval > longest {
		return 0, InvalidParameter(rotationInterval.Name,
			"It must be from "+FormatInterval(shortest)+" to "+FormatInterval(longest)+", "+intervalWords+".")
	}
	return interval, nil
}

// FormatRotationInterval returns the form in answers: seconds, such as 31536000s.
func FormatRotationInterval(interval time.Duration) string {
	return strconv.FormatInt(int64(interval/time.Second), 10) + "s"
}
