package fields

import "github.com/hashicorp/vault/sdk/framework"

// String returns the value of a string that [Check] has checked, or its default. The framework's Get would decode it
// once more, which takes longer than the rest of a small item.
func String(d *framework.FieldData, name string) string { return checked[string](d, name) }

// Int is String of an integer.
func Int(d *framework.FieldData, name string) int { return checked[int](d, name) }

// Bool is String of true or false.
func Bool(d *framework.FieldData, name string) bool { return checked[bool](d, name) }

// StringMap is String of a map of strings. It is nil if the map was not given, and has no default.
func StringMap(d *framework.FieldData, name string) map[string]string {
	return checked[map[string]string](d, name)
}

// checked panics on a field that has neither a value nor a schema. A value that was not checked is left to the
// framework, since skipping it could skip what it protects.
func checked[T any](d *framework.FieldData, name string) (value T) {
	raw := d.Raw[name]
	value, ok := raw.(T)
	switch {
	case ok:
		return value
	case raw != nil:
		return d.Get(name).(T)
	}
	if preset := d.Schema[name].Default; preset != nil {
		value = preset.(T)
	}
	return value
}
