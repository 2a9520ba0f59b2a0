package list

import (
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Build counts a list whose records have not been counted yet.
func (l List) Build(w store.Writer) error {
	key, b := l.head(), block{}
	first, last := block{}, ""
	finish := func() error {
		if key == l.head() {
			first.size = b.size // It is stored last, when the total is known.
			return nil
		}
		return l.put(w, key, b)
	}
	err := w.Scan(l.records, "", func(record string, _ []byte) (bool, error) {
		if b.size == maxBlock/2 {
			if err := finish(); err != nil {
				return false, err
			}
			key, b = Prefix+last, block{}
		}
		b.size++
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

// Verify compares the counts with the records, and returns a sentence for each wrong count.
func (l List) Verify(r store.Reader) (problems []string, err error) {
	type count struct {
		key              string
		recorded, actual int
	}
	var blocks []count
	recorded, actual := 0, 0
	err = r.Scan(l.head(), "", func(key string, value []byte) (bool, error) {
		b, err := parse(key, value)
		if err != nil {
			problems = append(problems, err.Error())
		}
		recorded += b.total
		blocks = append(blocks, count{key: key, recorded: b.size})
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	at := -1
	err = r.Scan(l.records, "", func(record string, _ []byte) (bool, error) {
		actual++
		for at+1 < len(blocks) && blocks[at+1].key < Prefix+record {
			at++
		}
		if at >= 0 {
			blocks[at].actual++
		}
		return true, nil
	})
	const message = "%s: it counts %d records, and there are %d"
	if recorded != actual {
		problems = append(problems, fmt.Sprintf(message, "the list "+l.records, recorded, actual))
	}
	for _, b := range blocks {
		if b.recorded != b.actual {
			problems = append(problems, fmt.Sprintf(message, fmt.Sprintf("record %q", b.key), b.recorded, b.actual))
		}
	}
	return problems, err
}
