package keyindex_test

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyindex"
)

// many is how many keys the benchmarks have.
const many = 100_000

// manyKeys returns keys of 24 classes with ten tags each: one whose value no other key has, and nine with 2 to 512
// different values.
func manyKeys(b *testing.B) (keys []keyindex.Key) {
	for n := range many {
		k := keyindex.Key{
			ID: uuid.NewString(),
			Class: keyindex.Class{
				State: []string{"Enabled", "Enabled", "Disabled", "PendingImport"}[n%4],
				Spec:  fmt.Sprint("spec-", n%5), Usage: fmt.Sprint("usage-", n%2),
			},
			Tags: map[string]string{"name": rand.Text()},
		}
		for i := range 9 {
			k.Tags[fmt.Sprint("key-", i)] = fmt.Sprintf("value-%d-%d", i, n%(2<<i))
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b keyindex.Key) int { return slices.Compare([]byte(a.ID), []byte(b.ID)) })
	require.Len(b, keys, many)
	return keys
}

func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// BenchmarkLoad reports the memory that the index of many keys takes.
func BenchmarkLoad(b *testing.B) {
	keys, x := manyKeys(b), keyindex.New()
	before := heap()
	for b.Loop() {
		x = keyindex.New()
		require.NoError(b, x.Load(func(l keyindex.Loader) error {
			addAll(l, keys)
			return nil
		}))
	}
	b.ReportMetric(heap()-before, "MiB")
	runtime.KeepAlive(x)
	runtime.KeepAlive(keys)
}

// BenchmarkPage measures pages in the middle of filters' results.
func BenchmarkPage(b *testing.B) {
	x, keys := keyindex.New(), manyKeys(b)
	require.NoError(b, x.Load(func(l keyindex.Loader) error {
		addAll(l, keys)
		return nil
	}))
	enabled := func(c keyindex.Class) bool { return c.State == "Enabled" }
	for name, f := range map[string]keyindex.Filter{
		"state":                      {Accepts: enabled},
		"class":                      {Accepts: func(c keyindex.Class) bool { return enabled(c) && c.Spec == "spec-1" }},
		"tag key":                    {TagKeys: []string{"key-1"}},
		"tag value":                  {TagValues: []string{"value-0-1"}},
		"two tag values":             {TagValues: []string{"value-0-0", "value-0-1"}},
		"rare tag value and state":   {TagValues: []string{"value-8-7"}, Accepts: enabled},
		"common tag value and state": {TagValues: []string{"value-0-1"}, Accepts: enabled},
		"tag key and value":          {TagKeys: []string{"key-2"}, TagValues: []string{"value-2-1"}},
		"tag values of two tag keys": {TagValues: []string{"value-0-1", "value-1-1"}},
		"two tag keys":               {TagKeys: []string{"key-1", "key-2"}},
	} {
		b.Run(name, func(b *testing.B) {
			_, total := x.Page(start, f, 1, 10)
			for b.Loop() {
				x.Page(start, f, total/20+1, 10)
			}
			b.ReportMetric(float64(total), "matches")
		})
	}
}

// BenchmarkPut measures a change of state and a change of a tag.
func BenchmarkPut(b *testing.B) {
	x, keys := keyindex.New(), manyKeys(b)
	require.NoError(b, x.Load(func(l keyindex.Loader) error {
		addAll(l, keys)
		return nil
	}))
	i := 0
	for b.Loop() {
		k := &keys[i*7919%many]
		k.State, k.Tags["key-3"] = fmt.Sprint("state-", i%4), fmt.Sprintf("value-3-%d", i%16)
		x.Put(*k)
		i++
	}
}
