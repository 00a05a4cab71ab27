"""Which field a column holds, by the names that shops and networks give it."""

import unicodedata
from functools import lru_cache

# The field → its names in small letters, without spaces, accents and signs; the surest first.
NAMES = {
    "external_id": (
        "invoiceno invoicenumber invoiceid orderid orderno ordernumber originalactionid transactionid "
        "conversionid actionid commissionid orderref orderreference invoice order id rechnungsnummer "
        "rechnungsnr bestellnummer bestellnr auftragsnummer transaktionsid numerodecommande ndecommande "
        "numcommande nocommande commande numerodefacture numfacture facture numeropedido numerodepedido "
        "pedido numerofactura factura numeroordine ordine numerofattura fattura bestelnummer factuurnummer "
        "numerzamowienia nrzamowienia numerfaktury"
    ),
    "occurred_at": (
        "invoicedate orderdate transactiondate eventdate purchasedate conversiondate saledate datetime "
        "timestamp date rechnungsdatum bestelldatum kaufdatum transaktionsdatum datum datefacture "
        "datecommande datedecommande datedachat fechafactura fechapedido fecha datafattura dataordine data "
        "besteldatum factuurdatum datazamowienia"
    ),
    "time": "transactiontime ordertime time uhrzeit heure hora ora tijd",
    "buyer": (
        "customerid customerno customernumber clickref clickref1 memberidu1 u1 sid shopperid subid subid1 "
        "publishersid customer userid memberid buyerid kundennummer kundennr kunden kundenid kunde "
        "numeroclient noclient nclient idclient client idcliente numerocliente cliente codicecliente klantnummer "
        "klant idklienta klient"
    ),
    "quantity": (
        "quantity qty units ofitems numberofitems itemquantity items menge anzahl stuck stueck quantite qte "
        "cantidad quantita aantal ilosc"
    ),
    "unit_price": (
        "unitprice priceperunit itemprice priceeach price stuckpreis stueckpreis einzelpreis preis "
        "prixunitaire prixunit prix preciounitario precio prezzounitario prezzo stuksprijs eenheidsprijs "
        "prijs cenajednostkowa cena"
    ),
    "amount": (
        "saleamount salesamount sales orderamount ordervalue grosssales totalamount ordertotal amount total "
        "revenue umsatz betrag bestellwert gesamtbetrag montant montantvente montanttotal importe "
        "importetotal importo importototale bedrag kwota"
    ),
    "currency": "currency currencycode saleamountcurrency wahrung waehrung devise moneda valuta divisa waluta",
    "status": "commissionstatus transactionstatus orderstatus actionstatus state status zustand statut estado stato",
    "item": (
        "stockcode sku skunumber productid productcode itemid itemno articleno product article artikelnummer "
        "artikelnr artikel codeproduit codearticle referenceproduit codigoproducto codigo codiceprodotto "
        "artikelcode kodproduktu"
    ),
    "version": "updatedat lastmodified modifieddate lastupdated lastchange updated geandertam misajour modificado",
}
FIELDS = {name: field for field, names in NAMES.items() for name in names.split()}
RANKS = {name: rank for names in NAMES.values() for rank, name in enumerate(names.split())}

# What states mean, where the network says nothing else.
STATUSES = {
    word: meaning
    for meaning, words in {
        "pending": "pending new open extended offen ausstehend neu en_attente pendiente in_attesa",
        "approved": (
            "approved confirmed locked closed paid validated valid accepted complete completed bestatigt bestätigt "
            "genehmigt freigegeben validé valide confirmé aprobado confirmado approvato confermato"
        ),
        "declined": (
            "declined rejected cancelled canceled deleted refused invalid void voided reversed returned storniert "
            "abgelehnt refusé annulé rechazado cancelado rifiutato annullato"
        ),
    }.items()
    for word in words.split()
}


@lru_cache(maxsize=4096)
def simple(name: str) -> str:
    """`N° de commande` as `ndecommande`."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum() and letter.isascii())


def field_of(name: str) -> str | None:
    return FIELDS.get(simple(name))


def rank_of(name: str) -> int:
    """The lower, the surer."""
    return RANKS[simple(name)]
