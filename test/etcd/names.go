package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// names are host names that only this process knows. All members call a member by one name, which leads to another
// address for each of them, where a link of the test listens: so every link fails on its own.
type names map[string]netip.Addr

// parseNames reads names such as m2.etcd.test=127.1.1.2,m3.etcd.test=127.1.1.3.
func parseNames(written string) (names, error) {
	found := names{}
	for entry := range strings.SplitSeq(written, ",") {
		if entry == "" {
			continue
		}
		name, address, _ := strings.Cut(entry, "=")
		parsed, err := netip.ParseAddr(address)
		if err != nil || !parsed.Is4() {
			return nil, fmt.Errorf("-names: %q is not such as m2.etcd.test=127.1.1.2", entry)
		}
		found[name+"."] = parsed
	}
	return found, nil
}

// use makes all of this process look names up here. Without names, nothing changes.
func (n names) use() {
	if len(n) == 0 {
		return
	}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			for n.answerOne(theirs) == nil {
			}
		}()
		return ours, nil
	}}
}

// answerOne reads a question of DNS as it is over TCP, after its length, and answers it.
func (n names) answerOne(c io.ReadWriter) error {
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return err
	}
	question := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, question); err != nil {
		return err
	}
	answer, err := n.answer(question)
	if err != nil {
		return err
	}
	_, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	return err
}

func (n names) answer(packed []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(packed); err != nil {
		return nil, err
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	for _, q := range m.Questions {
		address, known := n[strings.ToLower(q.Name.String())]
		switch {
		case !known:
			m.RCode = dnsmessage.RCodeNameError
		case q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.AResource{A: address.As4()},
			})
		}
	}
	return m.Pack()
}
