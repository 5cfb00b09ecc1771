package broker

import (
	"encoding/binary"
	"errors"

	"tidings/protocol"
)

// recordVersion is the first byte of a record. A later form gets another one, and brokers read both: two versions of
// the server run side by side in every deploy.
const recordVersion = 1

// The parts of a record. A part that is not known is skipped, so that a form may grow.
const (
	partID = iota + 1
	partEvent
	partSpread
	partTrace
	partExcludeConnection
	partExcludeTab
	partMeta
	partChange
	partTxn
	partChanged
	partGone
	partBefore
	partOrigin
	partData
)

var errRecord = errors.New("broker: a stored message cannot be read")

// AppendRecord appends m as brokers store it outside of the process: all but its channel, its position, its time and
// whether it is volatile, which brokers store in their own way. Of parts that m does not have it stores nothing.
func AppendRecord(dst []byte, m *protocol.Message) []byte {
	dst = append(dst, recordVersion)
	dst = appendText(dst, partID, m.ID)
	dst = appendText(dst, partEvent, m.Event)
	dst = appendNumber(dst, partSpread, m.SpreadMS)
	dst = appendText(dst, partTrace, m.Trace)
	dst = appendText(dst, partExcludeConnection, m.Exclude.Connection)
	dst = appendText(dst, partExcludeTab, m.Exclude.Tab)
	if x := m.Extra; x != nil {
		dst = appendText(dst, partMeta, x.Meta)
		dst = appendNumber(dst, partChange, x.Change)
		dst = appendNumber(dst, partTxn, x.Txn)
		dst = appendText(dst, partChanged, x.Changed)
		if x.Gone {
			dst = appendNumber(dst, partGone, 1)
		}
		dst = appendText(dst, partBefore, x.Before)
		dst = appendText(dst, partOrigin, x.Origin)
	}
	return appendText(dst, partData, m.Data)
}

func appendText[T string | []byte](dst []byte, part byte, text T) []byte {
	if len(text) == 0 {
		return dst
	}
	return append(binary.AppendUvarint(append(dst, part), uint64(len(text))), text...)
}

func appendNumber(dst []byte, part byte, n uint64) []byte {
	if n == 0 {
		return dst
	}
	var number [binary.MaxVarintLen64]byte
	return appendText(dst, part, number[:binary.PutUvarint(number[:], n)])
}

// ReadRecord reads what AppendRecord wrote into m, whose parts share the memory of record. It fails for what is no
// record, or has no data.
func ReadRecord(record []byte, m *protocol.Message) error {
	if len(record) == 0 || record[0] != recordVersion {
		return errRecord
	}
	for rest := record[1:]; len(rest) > 0; {
		part := rest[0]
		n, width := binary.Uvarint(rest[1:])
		if width <= 0 || n > uint64(len(rest)-1-width) {
			return errRecord
		}
		end := 1 + width + int(n)
		if err := readPart(m, part, rest[1+width:end:end]); err != nil {
			return err
		}
		rest = rest[end:]
	}
	if len(m.Data) == 0 {
		return errRecord
	}
	return nil
}

func readPart(m *protocol.Message, part byte, value []byte) (err error) {
	if part >= partMeta && part <= partOrigin && m.Extra == nil {
		m.Extra = new(protocol.Extra)
	}
	switch part {
	case partID:
		m.ID = string(value)
	case partEvent:
		m.Event = string(value)
	case partSpread:
		m.SpreadMS, err = readNumber(value)
	case partTrace:
		m.Trace = string(value)
	case partExcludeConnection:
		m.Exclude.Connection = string(value)
	case partExcludeTab:
		m.Exclude.Tab = string(value)
	case partMeta:
		m.Extra.Meta = value
	case partChange:
		m.Extra.Change, err = readNumber(value)
	case partTxn:
		m.Extra.Txn, err = readNumber(value)
	case partChanged:
		m.Extra.Changed = value
	case partGone:
		m.Extra.Gone = true
	case partBefore:
		m.Extra.Before = value
	case partOrigin:
		m.Extra.Origin = value
	case partData:
		m.Data = value
	}
	return err
}

func readNumber(value []byte) (uint64, error) {
	n, width := binary.Uvarint(value)
	if width != len(value) || width == 0 {
		return 0, errRecord
	}
	return n, nil
}
