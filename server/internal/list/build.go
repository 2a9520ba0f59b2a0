package list

import (
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Build counts a list whose records nobody has counted so far.
func (l List) Build(w store.Writer) error {
	key, b := l.head(), block{}
	first, last := block{}, ""
	finish := func() error {
		if key == l.head() {
			first.items = b.items // It is put at the end, when the total is known.
			return nil
		}
		return l.put(w, key, b)
	}
	err := w.Scan(l.records, "", func(record string, _ []byte) (bool, error) {
		if b.items == maxBlock/2 {
			if err := finish(); err != nil {
				return false, err
			}
			key, b = Prefix+last, block{}
		}
		b.items++
		first.total++
		last = record
		return true, nil
	})
	if err == nil {
		err = finish()
	}
	if err != nil {
		return err
	}
	return l.put(w, l.head(), first)
}

// Verify compares the counts with the records, and returns a sentence for each thing that is wrong.
func (l List) Verify(r store.Reader) (problems []string, err error) {
	type part struct {
		key       string
		told, are int
	}
	var parts []part
	told, are := 0, 0
	err = r.Scan(l.head(), "", func(key string, value []byte) (bool, error) {
		b, err := parse(key, value)
		if err != nil {
			problems = append(problems, err.Error())
		}
		told += b.total
		parts = append(parts, part{key: key, told: b.items})
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	at := -1
	err = r.Scan(l.records, "", func(record string, _ []byte) (bool, error) {
		are++
		for at+1 < len(parts) && parts[at+1].key < Prefix+record {
			at++
		}
		if at >= 0 {
			parts[at].are++
		}
		return true, nil
	})
	if told != are {
		problems = append(problems, fmt.Sprintf("the list %s: it counts %d records, and there are %d", l.records, told, are))
	}
	for _, p := range parts {
		if p.told != p.are {
			problems = append(problems, fmt.Sprintf("record %q: it counts %d records, and there are %d", p.key, p.told, p.are))
		}
	}
	return problems, err
}
