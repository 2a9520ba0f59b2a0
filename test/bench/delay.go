package main

import (
	"bytes"
	"io"
	"net"
	"time"
)

// listenFarFrom makes a server look far away: what is sent to the listener's address goes to target and arrives later
// by delay, and so do the answers. The delay does not limit the throughput. Closing the listener leaves its connections
// open until either side ends them.
func listenFarFrom(target string, delay time.Duration) (net.Listener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", target)
			if err != nil {
				near.Close()
				continue
			}
			go carry(far, near, delay)
			go carry(near, far, delay)
		}
	}()
	return listener, nil
}

// carry copies from one side to the other until one of them ends. Bytes wait in a queue, so the sender need not.
func carry(to io.WriteCloser, from io.ReadCloser, delay time.Duration) {
	type piece struct {
		data []byte
		due  time.Time
	}
	underWay := make(chan piece, 4096)
	go func() {
		defer close(underWay)
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			underWay <- piece{bytes.Clone(buffer[:n]), time.Now().Add(delay)}
		}
	}()
	for p := range underWay {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			from.Close() // which ends the reader
		}
	}
	to.Close()
	from.Close()
}
