package app

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// serveSOCKS is a SOCKS5 proxy (RFC 1928, RFC 1929) to which the client leaves the resolution of names.
func serveSOCKS(p *proxy, client net.Conn) error {
	from := bufio.NewReader(io.TeeReader(client, &p.seen))
	if _, err := field(from, 1); err != nil { // methods; the first byte is the version
		return err
	}
	method := byte(0)
	if p.user != "" {
		method = 2
	}
	if _, err := client.Write([]byte{5, method}); err != nil {
		return err
	}
	if method == 2 {
		user, _ := field(from, 1)
		password, err := field(from, 0)
		if err != nil {
			return err
		}
		wrong := byte(1)
		if user == p.user && password == p.password {
			wrong = 0
		}
		if _, err := client.Write([]byte{1, wrong}); err != nil || wrong != 0 {
			return err
		}
	}
	host, err := field(from, 4) // version, CONNECT, reserved, a name follows
	if err != nil {
		return err
	}
	var port uint16
	if err := binary.Read(from, binary.BigEndian, &port); err != nil {
		return err
	}
	api, err := p.dial(fmt.Sprintf("%s:%d", host, port))
	if err != nil {
		return err
	}
	if _, err := client.Write([]byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 0}); err != nil {
		return err
	}
	p.pass(client, from, api)
	return nil
}

// field skips some bytes and reads a text behind its length.
func field(from *bufio.Reader, skip int) (string, error) {
	if _, err := from.Discard(skip); err != nil {
		return "", err
	}
	n, err := from.ReadByte()
	if err != nil {
		return "", err
	}
	text := make([]byte, n)
	_, err = io.ReadFull(from, text)
	return string(text), err
}
