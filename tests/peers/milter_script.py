"""A filter on sendmail's own library (libmilter, by way of Debian's python3-milter). It does what the message's X-Do field
says, and writes down what it was told. Run by Debian's Python: milter_script.py SOCKET FILE."""

import json
import sys

import Milter


class Filter(Milter.Base):
    def __init__(self):
        self.id = Milter.uniqueID()

    def connect(self, hostname, family, hostaddr):
        self.told = {"connect": [hostname, hostaddr[0] if isinstance(hostaddr, tuple) else str(hostaddr)]}
        self.told["macros"] = {"j": self.getsymval("j"), "client_addr": self.getsymval("{client_addr}")}
        return Milter.CONTINUE

    def hello(self, name):
        self.told["hello"] = name
        return Milter.CONTINUE

    def envfrom(self, address, *arguments):
        self.told.update(sender=address, recipients=[], header=[], octets=0, do=[])
        self.told["macros"]["i"] = self.getsymval("i")
        return Milter.CONTINUE

    def envrcpt(self, address, *arguments):
        self.told["recipients"].append(address)
        if "refused-by-filter" in address:
            self.setreply("550", "5.7.1", "not for you, 100%%")
            return Milter.REJECT
        return Milter.CONTINUE

    def header(self, name, value):
        self.told["header"].append([name, value])
        if name.lower() == "x-do":
            self.told["do"] = value.split()
        return Milter.CONTINUE

    def eoh(self):
        return Milter.CONTINUE

    def body(self, piece):
        self.told["octets"] += len(piece)
        return Milter.CONTINUE

    def eom(self):
        with open(sys.argv[2], "a") as file:
            file.write(json.dumps(self.told) + "\n")
        self.progress()
        for word in self.told["do"]:
            if word == "add":
                self.addheader("X-Added", "by the filter")
            elif word == "insert":
                self.addheader("X-First", "on top", 0)
            elif word == "change":
                self.chgheader("Subject", 1, "changed")
            elif word == "delete":
                self.chgheader("X-Do", 1, "")
            elif word == "body":
                self.replacebody("replaced\r\n")
            elif word == "from":
                self.chgfrom("<other@far.test>")
            elif word == "addrcpt":
                self.addrcpt("<bob@example.test>")
            elif word == "delrcpt":
                self.delrcpt("<alice@example.test>")
            elif word == "quarantine":
                self.quarantine("looks odd")
            elif word == "reject":
                self.setreply("554", "5.7.0", "no", "not at all")
                return Milter.REJECT
            elif word == "tempfail":
                return Milter.TEMPFAIL
            elif word == "discard":
                return Milter.DISCARD
        return Milter.ACCEPT


Milter.factory = Filter
Milter.set_flags(
    Milter.ADDHDRS | Milter.CHGHDRS | Milter.CHGBODY | Milter.ADDRCPT | Milter.DELRCPT | Milter.QUARANTINE | Milter.CHGFROM
)
Milter.runmilter("tested", sys.argv[1], 60)
