package main

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBytesOfAServerFarAwayArriveLateAndWhole(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer server.Close()
	go func() {
		conn, err := server.Accept()
		if err == nil {
			_, _ = io.Copy(conn, conn)
			conn.Close()
		}
	}()
	const delay = 5 * time.Millisecond
	far, err := listenFarFrom(server.Addr().String(), delay)
	require.NoError(t, err)
	defer far.Close()
	conn, err := net.Dial("tcp", far.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	began := time.Now()
	for _, size := range []int{1, 1 << 20} {
		message, answer := bytes.Repeat([]byte("m"), size), make([]byte, size)
		go func() { _, _ = conn.Write(message) }()
		_, err := io.ReadFull(conn, answer)
		require.NoError(t, err)
		require.Equal(t, message, answer)
	}
	require.GreaterOrEqual(t, time.Since(began), 4*delay)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "the end arrives too")
}
