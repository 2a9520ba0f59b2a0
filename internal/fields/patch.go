package fields

import (
	"iter"
	"maps"
)

// A MapPatch changes some entries of a map, as a JSON merge patch does: nil removes an entry. In a patch, a field of
// type KVPairs has this type.
type MapPatch map[string]*string

// Apply returns the patched copy of m.
func (p MapPatch) Apply(m map[string]string) map[string]string {
	patched := make(map[string]string, len(m)+len(p))
	maps.Copy(patched, m)
	for name, value := range p {
		if delete(patched, name); value != nil {
			patched[name] = *value
		}
	}
	return patched
}

// set returns the values of the entries that p sets.
func (p MapPatch) set() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, value := range p {
			if value != nil && !yield(*value) {
				return
			}
		}
	}
}

// convertMapPatch reads a map in which a value may be null.
func convertMapPatch(raw any) (any, bool) {
	given, isObject := raw.(map[string]any)
	patch := MapPatch{}
	for name, value := range given {
		s, isString := value.(string)
		if value != nil && !isString {
			return nil, false
		}
		if patch[name] = nil; isString {
			patch[name] = &s
		}
	}
	if isObject {
		return patch, true
	}
	plain, ok := convertMap(raw)
	for name, value := range plain {
		patch[name] = &value
	}
	return patch, ok
}
