// Package link is a network between programs of a test that fails on demand: a [Link] is a TCP proxy whose [Fault] may
// change at any time.
//
//	l, err := link.New("127.0.0.1:0", server)
//	l.Set(link.Fault{HoldAnswers: true})   // requests arrive, and their answers don't
//	l.Set(link.Fault{Cut: true})           // connections are reset, and so are new ones
//	l.Set(link.Fault{})                    // all is well again
//
// TCP loses nothing within a connection: packets that a network drops are sent again until it is well, or one end gives
// up. So dropping is holding: what is held arrives when the fault ends, unless a cut comes first.
package link
